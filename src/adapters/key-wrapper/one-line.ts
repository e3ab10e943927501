const ONE_LINE = /^[^\r\n]*\n?$/;

/** The one line that a text is, with or without a newline at its end; undefined when it is several, or ends as Windows' lines do. */
export function lineOf(text: string): string | undefined {
  return ONE_LINE.test(text) ? text.replace(/\n$/, '') : undefined;
}
