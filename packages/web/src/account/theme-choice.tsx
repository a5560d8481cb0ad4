import { Choice } from '../look/choice.tsx'
import { theme } from '../look/theme.ts'
import { useValue } from '../state/use-value.ts'
import { useTexts } from '../text/use-texts.ts'

export function ThemeChoice() {
  const t = useTexts()
  const value = useValue(theme)
  return <Choice {...{ label: t.theme, value, options: t.themes, onChoose: theme.choose }} />
}
