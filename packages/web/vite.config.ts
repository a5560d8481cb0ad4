import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Where the development server finds the api, which serves the built page itself. */
const API_URL = process.env.API_URL ?? 'http://127.0.0.1:3000'
const API_PATHS = ['/auth', '/users', '/rooms', '/config', '/health', '/openapi.json', '/docs']

export default defineConfig({
  plugins: [react()],
  build: {
    target: ['chrome123', 'firefox128', 'safari17.5'],
    // Files of their own: the page's Content-Security-Policy lets in no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: Object.fromEntries(API_PATHS.map((path) => [path, { target: API_URL, changeOrigin: false }])),
  },
})
