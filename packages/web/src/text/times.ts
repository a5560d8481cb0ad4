import type { Language } from './language.ts'

type Style = 'time' | 'weekday' | 'day' | 'date' | 'month' | 'full'

const STYLES: Readonly<Record<Style, Intl.DateTimeFormatOptions>> = {
  time: { timeStyle: 'short' },
  weekday: { weekday: 'short' },
  day: { weekday: 'long', month: 'long', day: 'numeric' },
  date: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  month: { month: 'short', day: 'numeric' },
  full: { dateStyle: 'full', timeStyle: 'medium' },
}

/** Made once each: to make one takes longer than to use it. */
const formats = new Map<string, Intl.DateTimeFormat>()

function formatted(style: Style, at: Date, language: Language): string {
  const key = `${language} ${style}`
  const format = formats.get(key) ?? new Intl.DateTimeFormat(language, STYLES[style])
  formats.set(key, format)
  return format.format(at)
}

export function timeOf(iso: string, language: Language): string {
  return formatted('time', new Date(iso), language)
}

/** For who wants to know exactly. */
export function fullTimeOf(iso: string, language: Language): string {
  return formatted('full', new Date(iso), language)
}

/** The local day, as something to compare: of two days the later one is greater. */
export function dayNumber(at: Date): number {
  return Math.round(new Date(at.getFullYear(), at.getMonth(), at.getDate(), 12).getTime() / 86_400_000)
}

/** What stands over a day's messages: today and yesterday by these words. */
export function dayTitle(iso: string, now: Date, language: Language): string {
  const at = new Date(iso)
  const days = dayNumber(at) - dayNumber(now)
  if (days === 0 || days === -1) {
    const word = new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(days, 'day')
    return word.charAt(0).toLocaleUpperCase(language) + word.slice(1)
  }
  return formatted(at.getFullYear() === now.getFullYear() ? 'day' : 'date', at, language)
}

/** As short as a list wants it: the time today, the weekday this week, the date before. */
export function shortTime(iso: string, now: Date, language: Language): string {
  const at = new Date(iso)
  const days = dayNumber(at) - dayNumber(now)
  if (days === 0) return formatted('time', at, language)
  return formatted(days < 0 && days > -7 ? 'weekday' : 'month', at, language)
}
