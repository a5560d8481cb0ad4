import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { RoomlogClient } from '@roomlog/client'
import { expect, vi } from 'vitest'
import { ROOT, type RunningRoomlog } from './running-roomlog.ts'

export const EXAMPLES = join(ROOT, 'packages/client/examples')
const PATIENCE = { timeout: 200_000, interval: 200 }

/** One of the SDK's examples, as somebody runs it in a terminal. */
export interface Example extends AsyncDisposable {
  readonly stdin: ChildProcess['stdin']
  readonly output: () => string
  readonly ended: Promise<unknown>
  shows(text: string): Promise<void>
}

/** Disposing ends it. */
export function runExample(name: string, args: readonly string[], program = process.execPath): Example {
  const child = spawn(program, [join(EXAMPLES, name), ...args])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close')
  return {
    ...{ stdin: child.stdin, output: () => output, ended },
    shows: async (text) => {
      await vi.waitFor(() => expect(output).toContain(text), PATIENCE)
    },
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await ended
    },
  }
}

/** A room of Grace's, and Ada's name and password as an example takes them. */
export async function scene({ apiUrl }: RunningRoomlog) {
  const run = crypto.randomUUID().slice(0, 8)
  const account = (name: string) => ({ username: `${name}_${run}`, password: crypto.randomUUID() })
  const [ada, grace] = [account('ada'), account('grace')]
  const owner = new RoomlogClient({ url: apiUrl })
  await new RoomlogClient({ url: apiUrl }).register({ ...ada, displayName: 'Ada' })
  await owner.register({ ...grace, displayName: 'Grace' })
  const { id: roomId } = await owner.createRoom({ name: 'Recipes' })
  const member = new RoomlogClient({ url: apiUrl })
  await member.login(ada)
  await member.joinRoom(roomId)
  const history = async () => (await owner.api.history(roomId, { after: 0, limit: 100 })).messages
  const say = async (body: string) => {
    owner.connect()
    const { clientMsgId } = owner.room(roomId).send(body)
    await vi.waitFor(
      () => {
        expect(owner.room(roomId).sends.map((send) => send.clientMsgId)).not.toContain(clientMsgId)
      },
      { ...PATIENCE, interval: 20 },
    )
  }
  return {
    ...{ roomId, grace, say },
    args: [apiUrl, ada.username, ada.password, roomId],
    said: async (beginning: string) =>
      (await history()).map(({ body }) => body).filter((body) => body.startsWith(beginning)),
  }
}
