import { memo } from 'react'
import { Avatar } from '../look/avatar.tsx'
import { dayTitle, fullTimeOf, timeOf } from '../text/times.ts'
import { useLanguage, useTexts } from '../text/use-texts.ts'
import { MessageBody } from './message-body.tsx'
import type { Row } from './rows.ts'
import { SendMark } from './send-mark.tsx'
import { SendTrouble } from './send-trouble.tsx'

interface MessageRowProps {
  readonly row: Row
  readonly name: string
  readonly isMine: boolean
}

export const MessageRow = memo(function MessageRow({ row, name, isMine }: MessageRowProps) {
  const t = useTexts()
  const language = useLanguage()
  const { createdAt, beginsGroup, beginsDay, beginsUnread, send, seq } = row
  const time = timeOf(createdAt, language)
  const classes = ['message', beginsGroup && 'begins-group', isMine && 'is-mine', send && `is-${send.state}`]
  const clock = (
    <time dateTime={createdAt} title={fullTimeOf(createdAt, language)}>
      {time}
    </time>
  )
  return (
    <div className="row">
      {beginsDay && (
        <h2 className="day-line">
          <span>{dayTitle(createdAt, new Date(), language)}</span>
        </h2>
      )}
      {beginsUnread && (
        <p className="new-line" data-testid="new-line">
          <span>{t.newMessages}</span>
        </p>
      )}
      <article className={classes.filter(Boolean).join(' ')} aria-label={`${name}, ${time}`} data-seq={seq}>
        {beginsGroup ? <Avatar id={row.senderId} name={name} /> : <div className="message-time">{clock}</div>}
        <div className="message-inside">
          {beginsGroup && (
            <header className="message-head">
              <span className="message-sender" dir="auto">
                {name}
              </span>
              {clock}
            </header>
          )}
          <div className="message-line">
            <MessageBody body={row.body} />
            {isMine && <SendMark state={send?.state ?? 'persisted'} />}
          </div>
          {send !== undefined && <SendTrouble send={send} />}
        </div>
      </article>
    </div>
  )
})
