import { z } from 'zod'

/** Text that PostgreSQL and JSON both carry unchanged: no NUL (refused by PostgreSQL), no lone surrogate (mangled by UTF-8). */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** A string that can be stored, of `min` to `max` UTF-16 units, never trimmed. */
export function storableText(min: number, max: number) {
  return z.string().min(min).max(max).refine(isStorable, 'must not contain NUL or lone surrogates')
}

/** A name: trimmed before its length counts. */
export function storableName(min: number, max: number) {
  return z
    .string()
    .refine(isStorable, 'must not contain NUL or lone surrogates')
    .transform((text) => text.trim())
    .pipe(z.string().min(min).max(max))
}
