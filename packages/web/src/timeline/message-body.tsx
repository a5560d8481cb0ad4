import { memo, type ReactNode } from 'react'
import { isEmojiOnly } from '../text/emoji.ts'
import { linkParts } from '../text/links.ts'

interface MessageBodyProps {
  readonly body: string
  /** Stands behind the text. */
  readonly mark: ReactNode
}

/** A message's text: addresses of the web are links, all else is text. */
export const MessageBody = memo(function MessageBody({ body, mark }: MessageBodyProps) {
  const parts = linkParts(body).map(({ text, href }, index) =>
    href === undefined ? (
      text
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text do not move
      <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow">
        {text}
      </a>
    ),
  )
  return (
    <p className={isEmojiOnly(body) ? 'body is-large' : 'body'} dir="auto">
      {parts}
      {mark}
    </p>
  )
})
