import { errorText } from '../text/error-text.ts'
import { useTexts } from '../text/use-texts.ts'

interface ProblemProps {
  /** What an action threw; undefined: nothing is wrong. */
  readonly error: unknown
  /** What a code means here in particular. */
  readonly special?: Readonly<Record<string, string>>
}

/** Says what went wrong as soon as something does. */
export function Problem({ error, special }: ProblemProps) {
  const t = useTexts()
  return (
    <div role="alert" className="problem-place">
      {error !== undefined && <p className="problem">{errorText(t, error, special)}</p>}
    </div>
  )
}
