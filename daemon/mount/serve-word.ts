/** The internal command that starts the process of a detached mount. */
export const SERVE_WORD = '--serve-mount';
