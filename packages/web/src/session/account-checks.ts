const PASSWORD_MIN_BYTES = 8
const PASSWORD_MAX_BYTES = 1024

export function isUsername(text: string): boolean {
  return /^[A-Za-z0-9_]{3,32}$/.test(text)
}

/** Counted in bytes of UTF-8, as the api does. */
export function isPassword(text: string): boolean {
  const { length } = new TextEncoder().encode(text)
  return length >= PASSWORD_MIN_BYTES && length <= PASSWORD_MAX_BYTES
}
