// Builds dist: ESM for browsers and Node, what only browsers load in a file of its own, and types. Prints what each takes,
// and fails where one is over the bound.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'rolldown'

const MAX_GZIPPED_BYTES = 12 * 1024

const folder = dirname(fileURLToPath(import.meta.url))
const dist = process.argv[2] ?? join(folder, 'dist')

rmSync(dist, { recursive: true, force: true })
const { output } = await build({
  input: join(folder, 'src/index.ts'),
  platform: 'neutral',
  transform: { target: 'es2022' },
  treeshake: { propertyReadSideEffects: false },
  output: {
    dir: dist,
    format: 'esm',
    minify: true,
    comments: false,
    entryFileNames: 'index.js',
    chunkFileNames: '[name].js',
  },
})
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
execFileSync(process.execPath, [tsc, '-p', join(folder, 'tsconfig.build.json'), '--outDir', dist], {
  stdio: 'inherit',
})

for (const { fileName, code } of output) {
  const bytes = gzipSync(code, { level: 9 }).length
  process.stdout.write(`${join(dist, fileName)}: ${bytes} bytes gzipped\n`)
  if (bytes > MAX_GZIPPED_BYTES) {
    process.stderr.write(`at most ${MAX_GZIPPED_BYTES} bytes are allowed\n`)
    process.exitCode = 1
  }
}
