const EMOJI_ONLY = /^(?:\p{RGI_Emoji}|\s)+$/v
const MAX_LARGE = 6

/** A few emoji and nothing else: they are shown large. */
export function isEmojiOnly(text: string): boolean {
  if (text.length > 80 || !EMOJI_ONLY.test(text) || text.trim() === '') return false
  return [...new Intl.Segmenter().segment(text.replace(/\s/g, ''))].length <= MAX_LARGE
}
