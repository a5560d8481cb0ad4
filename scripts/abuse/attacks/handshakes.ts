import { ADDRESSES, attack, type Ground } from '../attack.ts'
import { Peer } from '../peer.ts'
import { attackersOf } from '../people.ts'

const AT_ONCE = 50

function flood(ground: Ground, tokenOf: () => string | undefined): void {
  for (let index = 0; index < AT_ONCE; index += 1) {
    const again = () => {
      if (ground.over.aborted) return
      void new Peer(ground, {
        index,
        token: tokenOf(),
        ended: () => setImmediate(again),
      })
    }
    again()
  }
}

export const handshakes = attack({
  id: 'handshakes',
  what: `${ADDRESSES} addresses, ${AT_ONCE} handshakes at once without a token`,
  on: 'ws-edge',
  expected: ['closed 4401', '429'],
  run: (ground) => flood(ground, () => undefined),
})

export const garbage = attack<{ readonly token: string }>({
  id: 'garbage',
  what: `${ADDRESSES} addresses, ${AT_ONCE} handshakes at once with forged tokens`,
  on: 'ws-edge',
  expected: ['closed 4401', '429'],
  prepare: async (field) => {
    const { tokens } = await attackersOf(field, { users: 1, rooms: 1, membersEach: 1 })
    return { token: tokens[0] ?? '' }
  },
  run: (ground, { token }) => {
    // All is right but the signature, so that it is what is checked.
    const [head, claims] = token.split('.')
    let n = 0
    flood(ground, () => {
      n += 1
      return `${head}.${claims}.${Buffer.alloc(64, n % 256).toString('base64url')}`
    })
  },
})

export const flapping = attack<{ readonly tokens: readonly string[] }>({
  id: 'flapping',
  what: `${AT_ONCE} people in rooms of 500 connect and are gone again and again`,
  on: 'ws-edge',
  expected: ['429'],
  prepare: (field) => attackersOf(field, { users: 500, rooms: 4, membersEach: 500 }),
  run: (ground, { tokens }) => {
    for (let index = 0; index < AT_ONCE; index += 1) {
      let n = index
      const again = () => {
        if (ground.over.aborted) return
        n += AT_ONCE
        const heard = (_text: string, peer: Peer) => {
          peer.cut()
          setImmediate(again)
        }
        const token = tokens[n % tokens.length]
        void new Peer(ground, { index, token, heard, ended: () => setImmediate(again) })
      }
      again()
    }
  },
})
