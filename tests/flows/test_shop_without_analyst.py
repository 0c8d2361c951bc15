"""Take the analyst out of INSTALLED_APPS and the shop still runs."""

import os
import subprocess
import sys

WALK = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from crm.accounts.models import User
from crm.home import demo
call_command("demo_shop", customers=10, years=1)
call_command("run_due")
client = Client()
client.force_login(User.objects.create_user(email="lena@example.com", name="Lena", password="correct horse battery"))
from crm.contacts.models import Contact
addresses = ["/", "/customers/", Contact.objects.first().get_absolute_url(), "/orders/", "/campaigns/", "/loyalty/", "/import/"]
print([client.get(address).status_code for address in addresses], client.get("/insights/").status_code)
"""


def test_every_page_of_the_shop_answers_without_the_analyst(tmp_path):
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings_without_loyalty", "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "ENV_FILE": "",
        "ALLOWED_HOSTS": "testserver",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", WALK], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == [f"{[200] * 7} 404"], done.stderr[-2000:]
