import type { Visibility } from '@roomlog/client'
import { useTexts } from '../text/use-texts.ts'

export function VisibilityField({ value }: { readonly value: Visibility }) {
  const t = useTexts()
  const choices = [
    { visibility: 'public', label: t.publicRoom, hint: t.publicHint },
    { visibility: 'private', label: t.privateRoom, hint: t.privateHint },
  ]
  return (
    <fieldset className="radios">
      <legend>{t.visibility}</legend>
      {choices.map(({ visibility, label, hint }) => (
        <label key={visibility} className="radio">
          <input type="radio" name="visibility" value={visibility} defaultChecked={visibility === value} />
          <span>
            {label}
            <span className="hint">{hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  )
}
