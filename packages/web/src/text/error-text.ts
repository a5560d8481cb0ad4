import { RoomlogError } from '@roomlog/client'
import type { Texts } from './en.ts'

/** What went wrong, and what can be done about it. `special`: what a code means here in particular. */
export function errorText(t: Texts, error: unknown, special: Readonly<Record<string, string>> = {}): string {
  if (!(error instanceof RoomlogError)) return t.errors.internal
  const here = special[error.code]
  if (here !== undefined) return here
  if (error.code === 'validation_failed' && isAbout(error, NEW_PASSWORDS)) return t.commonPassword
  if (error.code === 'rate_limited' && error.retryAfterMs !== undefined)
    return t.tooOften(Math.ceil(error.retryAfterMs / 1000))
  return codeText(t, error.code)
}

/** Fields in which somebody chooses a password. How long it is, the page has seen itself. */
const NEW_PASSWORDS = ['/password', '/newPassword']

function isAbout({ details }: RoomlogError, paths: readonly string[]): boolean {
  return Array.isArray(details) && details.some((detail) => paths.includes(detail?.path))
}

export function codeText(t: Texts, code: string): string {
  const texts: Readonly<Record<string, string>> = t.errors
  return texts[code] ?? t.errors.internal
}
