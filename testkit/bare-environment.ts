/** What a program needs of this environment: none of its settings. */
export const bareEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  // Services side by side would meet at its port.
  VITRINE_GRPC_PORT: '0',
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
};
