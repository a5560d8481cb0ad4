import { z } from 'zod'

/** Text that PostgreSQL and JSON both carry unchanged: no NUL (refused by PostgreSQL), no lone surrogate (mangled by UTF-8). */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** Of at most `max` UTF-16 units, as `length` has them: the schema's own maximum counts characters, of which one may be two. */
export function textUpTo(max: number) {
  return z
    .string()
    .max(max)
    .refine(({ length }) => length <= max, `must be at most ${max} UTF-16 units`)
}

/** A string that can be stored, of `min` to `max` UTF-16 units, never trimmed. */
export function storableText(min: number, max: number) {
  return textUpTo(max).min(min).refine(isStorable, 'must not contain NUL or lone surrogates')
}

/** A name: trimmed before its length counts. */
export function storableName(min: number, max: number) {
  return z
    .string()
    .refine(isStorable, 'must not contain NUL or lone surrogates')
    .transform((text) => text.trim())
    .pipe(textUpTo(max).min(min))
}
