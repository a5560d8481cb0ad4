import { Choice } from '../look/choice.tsx'
import { LANGUAGES, language } from '../text/language.ts'
import { useLanguage, useTexts } from '../text/use-texts.ts'

export function LanguageChoice() {
  const t = useTexts()
  const value = useLanguage()
  return <Choice {...{ label: t.language, value, options: LANGUAGES, onChoose: language.choose }} />
}
