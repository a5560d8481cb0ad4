import { describe, expect, test } from 'vitest'
import type { PageWorld } from '../page-world.ts'

const MAX_GZIPPED_BYTES = 120 * 1024
/** What a page names to be loaded at once, and what a module does. */
const NAMED = /<(?:script|link)[^>]+(?:src|href)="(\/[^"]+\.(?:js|css))"/g
const IMPORTED = /\b(?:from|import)\s*"\.\/([^"]+\.js)"/g

export function firstLoad(world: () => PageWorld): void {
  describe('the first load', () => {
    test(`is at most ${MAX_GZIPPED_BYTES / 1024} KiB gzipped, all from here`, async () => {
      const sizes = new Map<string, number>()
      const load = async (path: string): Promise<string> => {
        const answer = await fetch(world().roomlog.apiUrl + path, { headers: { 'accept-encoding': 'gzip' } })
        expect(answer.status).toBe(200)
        expect(answer.headers.get('content-encoding')).toBe('gzip')
        sizes.set(path, Number(answer.headers.get('content-length')))
        return answer.text()
      }
      const follow = async (path: string): Promise<void> => {
        if (sizes.has(path)) return
        const text = await load(path)
        if (!path.endsWith('.js')) return
        for (const [, name] of text.matchAll(IMPORTED)) await follow(`/assets/${name}`)
      }
      const html = await load('/')
      for (const [, path = ''] of html.matchAll(NAMED)) await follow(path)
      expect([...sizes.keys()].filter((path) => path.endsWith('.js'))).not.toEqual([])
      expect([...sizes.keys()].filter((path) => path.endsWith('.css'))).not.toEqual([])
      const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
      process.stdout.write(`  first load: ${(bytes / 1024).toFixed(1)} KiB gzipped\n`)
      expect(bytes).toBeLessThanOrEqual(MAX_GZIPPED_BYTES)
    })
  })
}
