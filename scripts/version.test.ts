import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }

test.each([
  ...globSync('{packages/*,services/*,scripts}/package.json').map((file) => [
    file,
    `"version": "${version}"`,
  ]),
  ['services/api/src/documents.ts', `version: '${version}'`],
  ...globSync('infra/kubernetes/overlays/*/kustomization.yaml').map((file) => [file, `newTag: ${version} `]),
  ['README.md', `### ${version}\n`],
])('%s names the version of package.json', (file = '', words) => {
  expect(readFileSync(file, 'utf8')).toContain(words)
})
