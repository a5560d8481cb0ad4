import { z } from 'zod'
import type { FrameErrorCode, SendFailureCode } from './codes.ts'
import { clientMsgIdSchema, idSchema } from './ids.ts'
import type { Limits } from './limits.ts'
import { type Message, seqSchema } from './message.ts'
import { storableText, textUpTo } from './text.ts'

const refSchema = textUpTo(64).optional()
const roomPosition = { roomId: idSchema, afterSeq: seqSchema.optional() }

/** The client's frames under these limits. Unknown fields are ignored. Build it once: a schema built per frame costs 200 times its parse. */
export function clientFrameSchemas(limits: Limits) {
  return {
    joinRoom: z.object({ type: z.literal('joinRoom'), ref: refSchema, ...roomPosition }),
    joinRooms: z.object({
      type: z.literal('joinRooms'),
      ref: refSchema,
      rooms: z.array(z.object(roomPosition)).min(1).max(limits.maxRoomsPerJoin),
    }),
    leaveRoom: z.object({ type: z.literal('leaveRoom'), ref: refSchema, roomId: idSchema }),
    sendMessage: z.object({
      type: z.literal('sendMessage'),
      ref: refSchema,
      roomId: idSchema,
      clientMsgId: clientMsgIdSchema,
      body: storableText(1, limits.maxBody),
      repeat: z.boolean().optional(),
    }),
    heartbeat: z.object({ type: z.literal('heartbeat'), ref: refSchema }),
    typing: z.object({ type: z.literal('typing'), ref: refSchema, roomId: idSchema, isTyping: z.boolean() }),
    authenticate: z.object({ type: z.literal('authenticate'), ref: refSchema, token: z.string().max(8192) }),
  } as const
}

export type ClientFrameSchemas = ReturnType<typeof clientFrameSchemas>
export type ClientFrameType = keyof ClientFrameSchemas
export type ClientFrame = { [T in ClientFrameType]: z.infer<ClientFrameSchemas[T]> }[ClientFrameType]
export type ClientFrameOf<T extends ClientFrameType> = Extract<ClientFrame, { type: T }>

type Ref = { readonly ref?: string | undefined }

/** What the edge sends. A client ignores types and fields it does not know. */
export type ServerFrame =
  | {
      readonly type: 'welcome'
      readonly connectionId: string
      readonly userId: string
      readonly serverTime: string
      readonly heartbeatIntervalMs: number
      readonly tokenExpiresInMs: number
      readonly epoch: string
      readonly limits: Limits
    }
  | ({
      readonly type: 'joinedRoom'
      readonly roomId: string
      /** Live messages follow from the next one on. */
      readonly headSeq: number
      /**
       * Which log `headSeq` counts in: a restore of the database to an older state makes it another one. A client keeps
       * the epoch with its messages and compares it at each join. Where it differs, all that the client knows of the room
       * is void and read anew, whatever `recovered` says: in a room that has grown again, an `afterSeq` of the lost log is
       * taken for one of this log.
       */
      readonly epoch: string
      /** Answers `afterSeq`. True: what came after it follows as `newMessage`, gapless into the live ones. */
      readonly recovered?: boolean
      /** Of `recovered: false`: more is missing than `limits.maxResume`, or `afterSeq` is above `headSeq`. */
      readonly reason?: 'too_far' | 'reset'
    } & Ref)
  | ({ readonly type: 'leftRoom'; readonly roomId: string } & Ref)
  | ({
      readonly type: 'ack'
      readonly roomId: string
      readonly clientMsgId: string
    } & (
      | { readonly status: 'ACCEPTED'; readonly messageId?: string; readonly seq?: number }
      | {
          readonly status: 'FAILED'
          readonly code: SendFailureCode
          readonly retryable: boolean
          readonly retryAfterMs?: number
        }
    ) &
      Ref)
  | ({ readonly type: 'heartbeatAck' } & Ref)
  | ({ readonly type: 'authenticated'; readonly expiresInMs: number } & Ref)
  | { readonly type: 'newMessage'; readonly message: Message }
  | {
      readonly type: 'messageRejected'
      readonly roomId: string
      readonly clientMsgId: string
      readonly code: FrameErrorCode
    }
  | { readonly type: 'presence'; readonly userId: string; readonly online: boolean }
  | { readonly type: 'typing'; readonly roomId: string; readonly userId: string; readonly isTyping: boolean }
  | {
      readonly type: 'readCursor'
      readonly roomId: string
      readonly userId: string
      readonly lastReadSeq: number
    }
  | { readonly type: 'roomAdded' | 'removedFromRoom' | 'roomChanged'; readonly roomId: string }
  | { readonly type: 'draining'; readonly reconnectAfterMs: number }
  | ({
      readonly type: 'error'
      readonly code: FrameErrorCode
      readonly message: string
      readonly roomId?: string
      readonly retryable: boolean
      readonly retryAfterMs?: number
    } & Ref)

export type ServerFrameType = ServerFrame['type']
export type ServerFrameOf<T extends ServerFrameType> = Extract<ServerFrame, { type: T }>
