import { suiteOn } from '@roomlog/testkit'
import { expect, test } from 'vitest'
import { LiveView } from '../live-view.ts'
import { Person } from '../person.ts'
import { ENGINES, startRoomlog } from './running-roomlog.ts'

const MISSED = 30

for (const engine of ENGINES.filter(({ name }) => name === 'embedded')) {
  suiteOn(engine.needs, `a client further behind than a join delivers, on the ${engine.name} engine`, () => {
    test('reads what it missed as pages, and goes on live without a gap or a repeat', async () => {
      await using roomlog = await startRoomlog({ env: { MAX_RESUME: '5' } })
      const run = crypto.randomUUID().slice(0, 8)
      const ada = await Person.register(roomlog.apiUrl, `ada_${run}`, 'Ada')
      const grace = await Person.register(roomlog.apiUrl, `grace_${run}`, 'Grace')
      const { id } = await ada.createRoom('A room with a past')
      await grace.joinRoom(id)
      const speaker = await LiveView.open(ada, [id])
      for (let i = 1; i <= MISSED; i += 1) await speaker.send(id, `missed ${i}`)
      await speaker.until(() => speaker.seen.get(id)?.length === MISSED)

      const late = await LiveView.open(grace, [id])
      const talking = speaker.send(id, 'live')
      await late.until(() => late.seen.get(id)?.length === MISSED + 1)
      await talking
      expect(late.seen.get(id)).toEqual(await grace.history(id))
      expect([...late.violations, ...speaker.violations]).toEqual([])
      speaker.close()
      late.close()
    })
  })
}
