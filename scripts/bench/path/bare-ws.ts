/**
 * A server on bare `ws` that stores nothing: what is sent to a room it numbers, encodes once and sends to each of the
 * room's sockets, and acknowledges. Same frames as an edge's. Told over IPC to listen; answers its URL.
 */
import type { AddressInfo } from 'node:net'
import { newId } from '@roomlog/protocol'
import { WebSocket, WebSocketServer } from 'ws'
import { answerOrders } from '../child.ts'

export interface BareWsOrder {
  readonly do: 'listen'
}

interface Room {
  seq: number
  readonly sockets: Set<WebSocket>
}

interface Frame {
  readonly type: string
  readonly roomId: string
  readonly clientMsgId: string
  readonly body: string
  readonly rooms: readonly { readonly roomId: string }[]
}

const rooms = new Map<string, Room>()
const USER_ID = newId()

function roomOf(roomId: string): Room {
  const known = rooms.get(roomId)
  if (known !== undefined) return known
  const made = { seq: 0, sockets: new Set<WebSocket>() }
  rooms.set(roomId, made)
  return made
}

function join(ws: WebSocket, { rooms: joined }: Frame, mine: Set<Room>): void {
  for (const { roomId } of joined) {
    const room = roomOf(roomId)
    room.sockets.add(ws)
    mine.add(room)
    ws.send(JSON.stringify({ type: 'joinedRoom', roomId, headSeq: room.seq, epoch: USER_ID }))
  }
}

function broadcast(ws: WebSocket, { roomId, clientMsgId, body }: Frame): void {
  const room = roomOf(roomId)
  room.seq += 1
  const createdAt = new Date().toISOString()
  const message = {
    ...{ id: newId(), roomId, seq: room.seq, kind: 'message' },
    ...{ senderId: USER_ID, clientMsgId, body, createdAt },
  }
  ws.send(JSON.stringify({ type: 'ack', roomId, clientMsgId, status: 'ACCEPTED' }))
  const text = JSON.stringify({ type: 'newMessage', message })
  for (const socket of room.sockets) if (socket.readyState === WebSocket.OPEN) socket.send(text)
}

async function listen(): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
  server.on('connection', (ws) => {
    const mine = new Set<Room>()
    ws.on('error', () => undefined)
    ws.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === 'joinRooms') join(ws, frame, mine)
      else broadcast(ws, frame)
    })
    ws.on('close', () => {
      for (const { sockets } of mine) sockets.delete(ws)
    })
    ws.send(JSON.stringify({ type: 'welcome' }))
  })
  await new Promise((resolve) => server.once('listening', resolve))
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`
}

answerOrders<BareWsOrder>(() => listen())
