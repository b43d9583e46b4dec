EXTRA_DIST += %D%/README.md %D%/require-modules
