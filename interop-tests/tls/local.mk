tls_tests += %D%/check-tls
EXTRA_DIST += %D%/twisted_tls.py
