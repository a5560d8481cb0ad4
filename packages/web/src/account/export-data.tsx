import { Problem } from '../look/problem.tsx'
import { useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { errorText } from '../text/error-text.ts'
import { useTexts } from '../text/use-texts.ts'

export function ExportData() {
  const t = useTexts()
  const client = useClient()
  const save = useAction(async () => {
    const url = URL.createObjectURL(new Blob([await client.api.exportMe()], { type: 'application/x-ndjson' }))
    const link = Object.assign(document.createElement('a'), { href: url, download: 'roomlog-export.jsonl' })
    link.click()
    URL.revokeObjectURL(url)
  })
  return (
    <details>
      <summary>{t.exportData}</summary>
      <div className="stack">
        <p className="hint">{t.exportHint}</p>
        <Problem text={save.error === undefined ? undefined : errorText(t, save.error)} />
        <button type="button" className="button" disabled={save.isRunning} onClick={() => void save.run()}>
          {save.isRunning ? t.loading : t.exportData}
        </button>
      </div>
    </details>
  )
}
