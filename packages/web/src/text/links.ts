export type Part = { readonly text: string; readonly href?: string }

const LINK = /\bhttps?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uff0f]+/giu
const PUNCTUATION = /[.,;:!?…*_~]$/u
const BRACKETS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/** A text in parts, of which some are addresses of the web; together they are the text. */
export function linkParts(text: string): readonly Part[] {
  const parts: Part[] = []
  let upTo = 0
  for (const match of text.matchAll(LINK)) {
    const address = withoutEnd(match[0])
    const href = hrefOf(address)
    if (href === undefined) continue
    if (match.index > upTo) parts.push({ text: text.slice(upTo, match.index) })
    parts.push({ text: address, href })
    upTo = match.index + address.length
  }
  if (upTo < text.length) parts.push({ text: text.slice(upTo) })
  return parts
}

/** What ends the sentence is not the address's, nor a bracket that was opened before it. */
function withoutEnd(address: string): string {
  let end = address
  for (;;) {
    const last = end.at(-1) ?? ''
    const opening = BRACKETS[last]
    const isTooMuch =
      PUNCTUATION.test(end) || (opening !== undefined && count(end, last) > count(end, opening))
    if (!isTooMuch) return end
    end = end.slice(0, -1)
  }
}

function hrefOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined
  const { protocol, host, href } = new URL(address)
  return (protocol === 'https:' || protocol === 'http:') && host !== '' ? href : undefined
}

function count(text: string, character: string): number {
  return text.split(character).length - 1
}
