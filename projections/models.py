"""Every read model there is."""

from projections.access import API_KEYS
from projections.customers import CUSTOMERS
from projections.deals import DEALS
from projections.definition import Models
from projections.invoices import INVOICES
from projections.leads import LEADS
from projections.orders import ORDERS
from projections.pipelines import PIPELINES
from projections.timeline import LINKS, TIMELINE

ALL = Models((CUSTOMERS, LEADS, DEALS, ORDERS, INVOICES, TIMELINE, LINKS, PIPELINES, API_KEYS))
