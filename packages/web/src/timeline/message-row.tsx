import { memo } from 'react'
import { Avatar } from '../look/avatar.tsx'
import { dayTitle, fullTimeOf, timeOf } from '../text/times.ts'
import { useLocale, useTexts } from '../text/use-texts.ts'
import { MessageBody } from './message-body.tsx'
import type { Row } from './rows.ts'
import { SendMark } from './send-mark.tsx'
import { SendTrouble } from './send-trouble.tsx'
import './message.css'

interface MessageRowProps {
  readonly row: Row
  readonly name: string
  readonly isMine: boolean
}

export const MessageRow = memo(function MessageRow({ row, name, isMine }: MessageRowProps) {
  const t = useTexts()
  const locale = useLocale()
  const { createdAt, beginsGroup, beginsDay, beginsUnread, send, seq } = row
  const time = timeOf(createdAt, locale)
  const classes = ['message', beginsGroup && 'begins-group', isMine && 'is-mine', send && `is-${send.state}`]
  const clock = (
    <time dateTime={createdAt} title={fullTimeOf(createdAt, locale)}>
      {time}
    </time>
  )
  return (
    <div className="row">
      {beginsDay && (
        <h2 className="day-line">
          <span>{dayTitle(createdAt, new Date(), locale)}</span>
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
          <MessageBody
            body={row.body || t.bodyRemoved}
            mark={isMine && <SendMark state={send?.state ?? 'persisted'} />}
          />
          {send !== undefined && <SendTrouble send={send} />}
        </div>
      </article>
    </div>
  )
})
