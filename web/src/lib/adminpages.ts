// The sections of the administrator's pages, each with an address of its own.
export const ADMIN_PAGES = ['/admin', '/admin/trunks', '/admin/operators', '/admin/queues', '/admin/routing', '/admin/ivr', '/admin/prompts', '/admin/messages', '/admin/changes'] as const
export type AdminPage = (typeof ADMIN_PAGES)[number]

export const isAdminPage = (path: string): path is AdminPage => (ADMIN_PAGES as readonly string[]).includes(path)
