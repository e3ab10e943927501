import type { Service } from '../../src/core/catalog/service.ts';

/** https://learn.microsoft.com/azure/ai-services/openai/reference: each resource has a host of its own, deployments have names of their own. */
export const azureOpenai: Service = {
  id: 'azure-openai',
  name: 'Azure OpenAI',
  category: 'AI/LLM',
  fields: [{ name: 'api_key', required: true, format: '^\\w{32,}$', environment: 'AZURE_OPENAI_API_KEY' }],
  settings: [
    { name: 'endpoint', kind: 'https-url', required: true, hostSuffix: '.openai.azure.com' },
    { name: 'deploymentMappings', kind: 'text-map', required: false },
  ],
  gateway: null,
};
