import type { RoomFacts } from '@roomlog/client'
import { BODY_MAX_UNITS } from '@roomlog/protocol/wire'
import { type ChangeEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { SendIcon } from '../look/icons.tsx'
import { useClient, useMe } from '../session/use-client.ts'
import { useTexts } from '../text/use-texts.ts'
import { keepDraft, readDraft } from './drafts.ts'
import { isSend, sendable } from './sendable.ts'
import './composer.css'

/** From here on it is told how much is left. */
const SHOWN_LEFT = 200

interface ComposerProps {
  readonly room: RoomFacts
  readonly onSent: () => void
}

export function Composer({ room, onSent }: ComposerProps) {
  const t = useTexts()
  const me = useMe()
  const client = useClient()
  const [text, setText] = useState(() => readDraft(me.id, room.id))
  const area = useRef<HTMLTextAreaElement>(null)
  const body = sendable(text)
  const left = BODY_MAX_UNITS - body.length

  useEffect(() => {
    // On a phone the keyboard would cover the room at once.
    if (matchMedia('(pointer: fine)').matches) area.current?.focus()
  }, [])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    if (area.current === null) return
    const { style } = area.current
    style.height = 'auto'
    style.height = `${area.current.scrollHeight}px`
  }, [text])

  const change = ({ currentTarget }: ChangeEvent<HTMLTextAreaElement>) => {
    const { value } = currentTarget
    setText(value)
    keepDraft(me.id, room.id, value)
    client.room(room.id).setTyping(value.trim() !== '')
  }

  const send = () => {
    if (body === '' || left < 0) return
    client.room(room.id).send(body)
    setText('')
    keepDraft(me.id, room.id, '')
    onSent()
  }

  const pressed = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (!isSend(event.nativeEvent)) return
    event.preventDefault()
    send()
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
        area.current?.focus()
      }}
    >
      <div className="composer-box">
        <textarea
          {...{ ref: area, rows: 1, value: text, onChange: change, onKeyDown: pressed, dir: 'auto' }}
          aria-label={t.message}
          placeholder={t.writeTo(room.name)}
          aria-describedby="composer-left"
          aria-invalid={left < 0}
          enterKeyHint="send"
        />
        <span id="composer-left" className={left < 0 ? 'composer-left wrong' : 'composer-left'}>
          {left < 0 ? t.tooLong(-left) : left <= SHOWN_LEFT ? t.left(left) : ''}
        </span>
        <button type="submit" className="send-button" aria-label={t.send} disabled={body === '' || left < 0}>
          <SendIcon />
        </button>
      </div>
    </form>
  )
}
