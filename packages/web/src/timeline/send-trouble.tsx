import type { Send } from '@roomlog/client'
import { useClient } from '../session/use-client.ts'
import { codeText } from '../text/error-text.ts'
import { useTexts } from '../text/use-texts.ts'

/** Why a message was refused, with the ways out; or why it still waits. */
export function SendTrouble({ send }: { readonly send: Send }) {
  const t = useTexts()
  const client = useClient()
  const { state, code, roomId } = send
  if (state !== 'rejected')
    return code === undefined || state !== 'queued' ? null : <p className="hint">{t.triedAgain}</p>
  const room = client.room(roomId)
  return (
    <div className="send-trouble">
      <p className="hint wrong">
        {t.states.rejected}. {codeText(t, code ?? 'internal')}
      </p>
      <button type="button" className="button small" onClick={() => room.retry(send)}>
        {t.retry}
      </button>
      <button type="button" className="button small" onClick={() => room.discard(send)}>
        {t.discard}
      </button>
    </div>
  )
}
