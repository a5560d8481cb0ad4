import type { Message } from '@roomlog/protocol/wire'
import { LiveView } from './live-view.ts'
import { Person } from './person.ts'
import { runningRoomlog } from './start/run-file.ts'

// Two people chat against a running Roomlog, one message is sent twice, and what is stored is shown.
const CONVERSATION = [
  ['ada', 'Hello Grace. Does this room keep its order?'],
  ['grace', 'Every message has its number: 1, 2, 3 … without a hole.'],
  ['ada', 'And if my connection drops while I send?'],
  ['grace', 'Send it again with the same clientMsgId. It is stored once. ✓'],
] as const
const REPEATED = 'This one is sent twice.'

/** A Roomlog that answers takes a second or two. */
const BOUND_MS = 60_000

async function main(): Promise<void> {
  const apiUrl = process.env.ROOMLOG_URL ?? (await runningRoomlog()).urls.api
  console.log(`Roomlog at ${apiUrl}\n`)
  const run = crypto.randomUUID().slice(0, 8)
  const ada = await Person.register(apiUrl, `ada_${run}`, 'Ada')
  const grace = await Person.register(apiUrl, `grace_${run}`, 'Grace')
  const room = await ada.createRoom(`Demo ${run}`)
  await grace.joinRoom(room.id)
  console.log(`Ada created the room “${room.name}”, Grace joined it. Both are connected by WebSocket.`)

  const views = { ada: await LiveView.open(ada, [room.id]), grace: await LiveView.open(grace, [room.id]) }
  for (const [who, text] of CONVERSATION) await views[who].send(room.id, text)
  const clientMsgId = crypto.randomUUID()
  await views.ada.send(room.id, REPEATED, clientMsgId)
  await views.ada.send(room.id, REPEATED, clientMsgId)

  const total = CONVERSATION.length + 1
  const seen = (view: LiveView): readonly Message[] => view.seen.get(room.id) ?? []
  await Promise.all(Object.values(views).map((view) => view.until(() => seen(view).length >= total)))
  // Something sent after the repeat: were the repeat stored as well, it would stand before this.
  await views.grace.send(room.id, 'Goodbye!')
  await Promise.all(
    Object.values(views).map((view) => view.until(() => seen(view).at(-1)?.body === 'Goodbye!')),
  )

  const stored = await grace.history(room.id)
  show('Ada saw', seen(views.ada), ada, grace)
  show('Grace saw', seen(views.grace), ada, grace)
  show('The history has', stored, ada, grace)
  const rows = stored.filter((m) => m.clientMsgId === clientMsgId).length
  console.log(`\n“${REPEATED}” was sent 2 times and is stored ${rows} time${rows === 1 ? '' : 's'}.`)
  for (const view of Object.values(views)) view.close()

  const ids = (messages: readonly Message[]) => messages.map((m) => `${m.seq}:${m.id}`).join(' ')
  const agreed = ids(seen(views.ada)) === ids(stored) && ids(seen(views.grace)) === ids(stored)
  const gapless = stored.every((m, i) => m.seq === i + 1) && stored.length === total + 1
  if (!agreed || !gapless || rows !== 1) throw new Error('the two people and the history do not agree')
  console.log('Both saw every message, in the order of the history: 1 to', stored.length)
}

function show(title: string, messages: readonly Message[], ...people: readonly Person[]): void {
  console.log(`\n${title}:`)
  for (const m of messages) {
    const name = people.find((p) => p.session.user.id === m.senderId)?.name ?? m.senderId
    console.log(`  ${String(m.seq).padStart(2)}  ${name.padEnd(6)} ${m.body}`)
  }
}

setTimeout(() => {
  console.error(
    `demo: not done within ${BOUND_MS / 1000} s. Look at what npm start says in its terminal, and at /health.`,
  )
  process.exit(1)
}, BOUND_MS).unref()

main().catch((error: Error) => {
  console.error(`demo: ${error.message}`)
  process.exit(1)
})
