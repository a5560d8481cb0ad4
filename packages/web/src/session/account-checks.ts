import { PASSWORD_MAX_BYTES, PASSWORD_MIN_BYTES, USERNAME } from '@roomlog/protocol/wire'

export function isUsername(text: string): boolean {
  return USERNAME.test(text)
}

/** Counted in bytes of UTF-8, as the api does. */
export function isPassword(text: string): boolean {
  const { length } = new TextEncoder().encode(text)
  return length >= PASSWORD_MIN_BYTES && length <= PASSWORD_MAX_BYTES
}
