/** Every test file begins with an ordinary umask: a union that another file opened in this process has left its own. */
process.umask(0o022);
