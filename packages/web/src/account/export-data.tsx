import { useContext } from 'react'
import { Problem } from '../look/problem.tsx'
import { SessionStoreContext, useClient } from '../session/use-client.ts'
import { useAction } from '../state/use-action.ts'
import { useTexts } from '../text/use-texts.ts'
import { exportOf } from './export-of.ts'

export function ExportData() {
  const t = useTexts()
  const client = useClient()
  const store = useContext(SessionStoreContext)
  const save = useAction(async () => {
    if (store === undefined) return
    const url = URL.createObjectURL(await exportOf(client, store))
    const link = Object.assign(document.createElement('a'), { href: url, download: 'roomlog-export.jsonl' })
    link.click()
    URL.revokeObjectURL(url)
  })
  return (
    <details>
      <summary>{t.exportData}</summary>
      <div className="stack">
        <p className="hint">{t.exportHint}</p>
        <Problem error={save.error} />
        <button type="button" className="button" disabled={save.isRunning} onClick={() => void save.run()}>
          {save.isRunning ? t.loading : t.exportData}
        </button>
      </div>
    </details>
  )
}
