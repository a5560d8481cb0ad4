/** Without what a terminal would obey. */
export function printable(text: string): string {
  const escaped = (it: string) => `\\u{${it.codePointAt(0)?.toString(16)}}`
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}
