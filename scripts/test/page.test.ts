import { suiteOn } from '@roomlog/testkit'
import { afterAll, beforeAll } from 'vitest'
import { chatting } from './page/chatting.ts'
import { everybody } from './page/everybody.ts'
import { faults } from './page/faults.ts'
import { firstLoad } from './page/first-load.ts'
import { largeRoom, MESSAGES } from './page/large-room.ts'
import { longOpen } from './page/long-open.ts'
import { signingOut } from './page/signing-out.ts'
import { PageWorld } from './page-world.ts'
import { ENGINES } from './running-roomlog.ts'

for (const engine of ENGINES) {
  suiteOn(['browser', ...engine.needs], `the page on the ${engine.name} engine`, () => {
    let world: PageWorld | undefined

    beforeAll(async () => {
      world = await PageWorld.start(engine)
    })
    afterAll(() => world?.[Symbol.asyncDispose]())

    const running = () => {
      if (world === undefined) throw new Error('there is no Roomlog')
      return world
    }
    firstLoad(running)
    chatting(running)
    everybody(running)
    faults(running)
    longOpen(running)
    signingOut(running)
    // Paging is the same on both; here it is not what takes the suite's time twice.
    largeRoom(running, engine.name === 'embedded' ? MESSAGES : MESSAGES / 10)
  })
}
