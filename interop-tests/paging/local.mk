example_tests += %D%/check-paging
EXTRA_DIST += %D%/twisted_pages.py
