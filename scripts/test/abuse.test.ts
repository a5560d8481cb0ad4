import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attackedRoomlog } from '../abuse/attacked-roomlog.ts'
import { ATTACKS } from '../abuse/attacks/index.ts'
import type { Abuse } from '../abuse/run.ts'

const SECONDS = 3
/** Cheap ones, of all that is attacked: by strangers and by members, REST and sockets. */
const SHORT = ['guesses', 'fragments', 'sends', 'joins']

suiteOn(['postgres'], 'a Roomlog that is attacked', () => {
  const resources = new AsyncDisposableStack()
  let abuse: Abuse

  beforeAll(async () => {
    abuse = await attackedRoomlog({ engine: 'embedded', say: () => undefined }, resources)
  })
  afterAll(() => resources.disposeAsync())

  test.each(ATTACKS.filter(({ id }) => SHORT.includes(id)))(
    'refuses, and stays as it was: $what',
    async (attack) => {
      const { wrong, attacked } = await abuse.run(attack, SECONDS)
      expect(wrong, JSON.stringify(attacked)).toEqual([])
    },
  )
})
