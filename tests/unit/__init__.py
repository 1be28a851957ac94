"""One test file per source file, each as fast as the code it is about."""
