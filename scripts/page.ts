import { fileURLToPath } from 'node:url'
import { buildPage } from './page/build.ts'
import { DIST, isBuilt } from './page/sources.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

try {
  if (await isBuilt(root)) console.log(`${DIST} is what its sources give.`)
  else {
    await buildPage(root)
    console.log(`Built ${DIST}`)
  }
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}
