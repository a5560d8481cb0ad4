import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPage } from './build.ts'
import { DIST, isBuilt } from './sources.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const WORDS = 'what there is to say, said often enough that it is worth a twin '.repeat(20)
const TIMEOUT_MS = 60_000

describe('the page', () => {
  let root: string
  const write = (path: string, text: string) => writeFile(join(root, path), text)
  const assets = async () => (await readdir(join(root, DIST, 'assets'))).toSorted()

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'roomlog-build-'))
    await symlink(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'))
    for (const folder of ['packages/web', 'packages/client/src', 'packages/protocol/src']) {
      await mkdir(join(root, folder), { recursive: true })
    }
    await write('packages/web/package.json', '{"type":"module"}')
    await write('packages/web/index.html', '<div></div><script type="module" src="./main.js"></script>')
    await write(
      'packages/web/main.js',
      'import { words } from "../client/src/words.js"; document.title = words',
    )
    await write('packages/client/src/words.js', `export const words = '${WORDS}'`)
  })
  afterAll(() => rm(root, { recursive: true }))

  test(
    'is built once, and again when a source of it or of what it imports has changed',
    async () => {
      expect(await isBuilt(root)).toBe(false)
      await buildPage(root)
      expect(await isBuilt(root)).toBe(true)
      const [before] = await assets()
      await write('packages/client/src/words.js', `export const words = '${WORDS}!'`)
      expect(await isBuilt(root)).toBe(false)
      await buildPage(root)
      const [after] = await assets()
      expect(after).not.toBe(before)
      // Nothing of the build before, and nothing that was needed on the way.
      expect((await assets()).filter((name) => name.endsWith('.js'))).toEqual([after])
      expect(await readdir(join(root, '.roomlog'))).toEqual([])
    },
    TIMEOUT_MS,
  )

  test('has twins that hold the same', async () => {
    const [script = ''] = await assets()
    const file = join(root, DIST, 'assets', script)
    const text = await readFile(file, 'utf8')
    expect(text).toContain(WORDS)
    expect(String(brotliDecompressSync(await readFile(`${file}.br`)))).toBe(text)
    expect(String(gunzipSync(await readFile(`${file}.gz`)))).toBe(text)
  })

  test(
    'stays as it was when it cannot be built, and where is told',
    async () => {
      const before = await assets()
      await write('packages/web/main.js', 'import { words } from "../client/src/nothing.js"')
      await expect(buildPage(root)).rejects.toThrow(/nothing\.js/)
      expect(await assets()).toEqual(before)
      expect(await isBuilt(root)).toBe(false)
    },
    TIMEOUT_MS,
  )
})
