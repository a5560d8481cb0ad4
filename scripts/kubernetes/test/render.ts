import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { KubernetesObject } from './objects.ts'

export const KUBERNETES = join(import.meta.dirname, '../../../infra/kubernetes')

const RENDERERS = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
] as const

/** One suite per overlay with its objects; one that is skipped, and says why, where nothing can render them. */
export function onEachOverlay(title: string, suite: (objects: readonly KubernetesObject[]) => void): void {
  const renderer = RENDERERS.find(([command]) => spawnSync(command, ['version']).error === undefined)
  if (renderer === undefined) {
    const skipped = `${title} (skipped: neither kustomize nor kubectl is on PATH)`
    // The reporter names no skipped test.
    console.warn(skipped)
    test.skip(skipped, () => undefined)
    return
  }
  for (const overlay of readdirSync(join(KUBERNETES, 'overlays'))) {
    describe(`${title}, ${overlay}`, () => {
      suite(render(renderer, overlay))
    })
  }
}

function render([command, verb]: (typeof RENDERERS)[number], overlay: string): readonly KubernetesObject[] {
  const text = execFileSync(command, [verb, join(KUBERNETES, 'overlays', overlay)], { encoding: 'utf8' })
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject)
}
