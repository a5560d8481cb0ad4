import { configAnswerSchema } from '@roomlog/protocol'
import { refusals, routes } from './answers.ts'

export const configRoute = routes((app, { config }) => {
  const { wsUrls, limits } = config.clients
  app.get(
    '/config',
    {
      schema: {
        summary: 'What a client needs to know',
        response: { 200: configAnswerSchema, ...refusals() },
      },
    },
    async () => ({ wsUrls, limits }),
  )
})
