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

function formatted(style: Style, at: Date, locale: string): string {
  const key = `${locale} ${style}`
  const format = formats.get(key) ?? new Intl.DateTimeFormat(locale, STYLES[style])
  formats.set(key, format)
  return format.format(at)
}

export function timeOf(iso: string, locale: string): string {
  return formatted('time', new Date(iso), locale)
}

/** For who wants to know exactly. */
export function fullTimeOf(iso: string, locale: string): string {
  return formatted('full', new Date(iso), locale)
}

/** The local day, as something to compare: of two days the later one is greater. */
export function dayNumber(at: Date): number {
  return Math.round(new Date(at.getFullYear(), at.getMonth(), at.getDate(), 12).getTime() / 86_400_000)
}

/** What stands over a day's messages: today and yesterday by these words. */
export function dayTitle(iso: string, now: Date, locale: string): string {
  const at = new Date(iso)
  const days = dayNumber(at) - dayNumber(now)
  if (days === 0 || days === -1) {
    const word = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(days, 'day')
    return word.charAt(0).toLocaleUpperCase(locale) + word.slice(1)
  }
  return formatted(at.getFullYear() === now.getFullYear() ? 'day' : 'date', at, locale)
}

/** As short as a list wants it: the time today, the weekday this week, the date before. */
export function shortTime(iso: string, now: Date, locale: string): string {
  const at = new Date(iso)
  const days = dayNumber(at) - dayNumber(now)
  if (days === 0) return formatted('time', at, locale)
  return formatted(days < 0 && days > -7 ? 'weekday' : 'month', at, locale)
}
