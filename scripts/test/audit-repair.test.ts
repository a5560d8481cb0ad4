import { partitionOf } from '@roomlog/events'
import { newId } from '@roomlog/protocol'
import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { command, message, OPERATOR_ENGINES, type OperatorWorld, operatorWorld } from './operator-world.ts'

/** No build knows it yet. */
const NEWER_VERSION = 1000

for (const engine of OPERATOR_ENGINES) {
  suiteOn(engine.needs, `a repair beside a partition that is stuck, on the ${engine.name} engine`, () => {
    let world: OperatorWorld

    beforeAll(async () => {
      world = await operatorWorld(engine.name)
    })
    afterAll(() => world[Symbol.asyncDispose]())

    const place = (roomId: string) => partitionOf(roomId, world.reader.partitions)

    test('appends again what is lost in the others, and says what has to wait', async () => {
      const room = await world.newRoom()
      const stuck = Array.from({ length: 100 }, newId).find((id) => place(id) !== place(room)) ?? ''
      await world.newRoom(stuck)
      const events = [message(room, 'lost'), message(stuck, 'lost, too')]
      await world.send(...events)
      await world.skip()
      const newer = Buffer.from(JSON.stringify({ ...message(stuck, 'newer'), v: NEWER_VERSION }))
      await world.eventLog.append('created', { key: stuck, headers: {}, value: newer })
      await world.startPersister()

      const created = await world.follow('created')
      const { code, stdout } = await command('audit', ['--older-than', '0', '--repair'], world.env)
      expect(code).toBe(1)
      expect(stdout).toContain(`Not appended again is what is lost in partition ${place(stuck)}: `)
      expect(stdout).toContain('waits for a build that knows its newer version')
      expect(await world.bodiesOf(room)).toEqual(['lost'])
      await expect.poll(() => created.map(({ key }) => key)).toEqual([room])
    })
  })
}
