/** What of a text is sent: without white space around it, and without what no message may hold. */
export function sendable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed().trim()
}

interface Key {
  readonly key: string
  readonly keyCode: number
  readonly isComposing: boolean
  readonly shiftKey: boolean
  readonly altKey: boolean
}

/** Of the key that ends a composition some browsers say no more than this code. */
const COMPOSING_CODE = 229

/** Enter alone sends; one that ends the composition of a character, as Korean ones are written, does not. */
export function isSend(event: Key): boolean {
  const { key, keyCode, isComposing, shiftKey, altKey } = event
  return key === 'Enter' && !isComposing && keyCode !== COMPOSING_CODE && !shiftKey && !altKey
}
