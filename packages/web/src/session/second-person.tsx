import { useHash } from '../state/use-hash.ts'
import { useTexts } from '../text/use-texts.ts'
import { secondPersonUrl } from './person.ts'

/** A way to try a chat alone; on a real site there is none. */
export function SecondPerson({ hasHint = false }: { readonly hasHint?: boolean }) {
  const t = useTexts()
  const { hostname, search } = location
  const url = secondPersonUrl({ hostname, search, hash: useHash() })
  if (url === undefined) return null
  return (
    <>
      {hasHint && <p className="hint">{t.secondPersonHint}</p>}
      <a className="button quiet" href={url} target="_blank" rel="noopener">
        {t.openSecondPerson}
        <span className="sr-only"> {t.opensNewTab}</span>
      </a>
    </>
  )
}
