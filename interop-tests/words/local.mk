example_tests += %D%/words.test
EXTRA_DIST += %D%/words_test.py
