const KEY = 'roomlog.session'

/** Which person a page is for: the first one of this browser unless `?person=2` and so on says otherwise. */
export function personOf(search: string): number {
  const text = new URLSearchParams(search).get('person') ?? ''
  return /^[2-9]$/.test(text) ? Number(text) : 1
}

/** Persons share nothing: each one's session is kept under a key of its own. */
export function sessionKey(person: number): string {
  return person === 1 ? KEY : `${KEY}.${person}`
}

/** Where somebody who tries Roomlog alone meets themselves, in the same room; undefined on a real site. */
export function secondPersonUrl({
  hostname,
  search,
  hash,
}: Pick<Location, 'hostname' | 'search' | 'hash'>): string | undefined {
  const isLocal = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
  return isLocal && personOf(search) === 1 ? `/?person=2${hash}` : undefined
}
